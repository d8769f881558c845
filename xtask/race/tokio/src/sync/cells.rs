use std::convert::Infallible;

use tokio::sync as real;

use crate::visible::{Visible, VisibleFuture, by_path};

/// A value that is set once, by whoever comes first.
pub type OnceCell<T> = Visible<real::OnceCell<T>>;
/// A value that is set once, and that others can wait for.
pub type SetOnce<T> = Visible<real::SetOnce<T>>;

#[allow(missing_docs)]
impl<T> Visible<real::OnceCell<T>> {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn new_with(value: Option<T>) -> Self {
        Visible::of(real::OnceCell::new_with(value))
    }

    pub async fn get_or_init<F, Fut>(&self, f: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        let value = self.get_or_try_init(|| async { Ok::<T, Infallible>(f().await) }).await;
        value.unwrap_or_else(|never| match never {})
    }

    /// # Errors
    ///
    /// Those of `f`.
    pub async fn get_or_try_init<E, F, Fut>(&self, f: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        VisibleFuture::new(self.real().get_or_try_init(f)).await
    }

    pub fn into_inner(self) -> Option<T> {
        self.into_real().into_inner()
    }
}

impl<T> From<T> for Visible<real::OnceCell<T>> {
    fn from(value: T) -> Self {
        Self::new_with(Some(value))
    }
}

#[allow(missing_docs)]
impl<T> Visible<real::SetOnce<T>> {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn new_with(value: Option<T>) -> Self {
        Visible::of(real::SetOnce::new_with(value))
    }

    pub async fn wait(&self) -> &T {
        VisibleFuture::new(self.real().wait()).await
    }

    pub fn into_inner(self) -> Option<T> {
        self.into_real().into_inner()
    }
}

by_path! { [T] OnceCell<T>;
    fn initialized() -> bool;
    fn get() -> Option<&T>;
    fn set(value: T) -> Result<(), real::SetError<T>>;
    mut fn get_mut() -> Option<&mut T>;
    mut fn take() -> Option<T>;
}

by_path! { [T] SetOnce<T>;
    fn initialized() -> bool;
    fn get() -> Option<&T>;
    fn set(value: T) -> Result<(), real::SetOnceError<T>>;
}

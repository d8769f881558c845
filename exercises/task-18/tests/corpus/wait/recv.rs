// case: a field is received from again
impl Link {
    async fn next(&mut self) -> Option<Packet> {
        self.packets.recv().await
    }

    fn of_a_link_in_a_field(&mut self) -> Packet {
        self.links[0].inner.packets.recv().unwrap()
    }
}

// case: what is borrowed is received from again
async fn borrowed(packets: &mut Receiver<Packet>) -> Option<Packet> {
    packets.recv().await
}

// case: what a closure is given, and what a pattern has found
fn given(&mut self) {
    self.packets.as_mut().map(|packets| packets.recv());
    match &mut self.packets {
        Some(packets) => packets.recv(),
        None => None,
    }
}

// case: the answer to a question
fn answer(worker: &Worker) -> Answer {
    let (sender, answer) = channel();
    worker.ask(sender);
    answer.recv().unwrap()
//         ^^^^ wait
}

// case: what a call returns is received from once
async fn once(events: &Events) {
    events.subscribe().recv().await;
//                     ^^^^ wait
}

// case: the same name for what is borrowed and what is not
async fn again(packets: &mut Receiver<Packet>) {
    packets.recv().await;
    let mut packets = packets.resubscribe();
    packets.recv().await;
//          ^^^^ wait
}

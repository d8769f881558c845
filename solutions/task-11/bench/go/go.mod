module task-11-bench

go 1.25

use super::*;

#[test]
fn a_stop_reaches_what_is_beneath_and_nothing_above() {
    let root = Stop::root().expect("eventfd");
    let script = root.child().expect("eventfd");
    let task = script.task();
    let other = root.child().expect("eventfd");
    assert!(script.interrupt(Reason::Interrupt));
    assert!(!script.interrupt(Reason::Terminate), "the first reason stays");
    assert_eq!(task.stage(), Stage::Interrupted);
    assert_eq!(task.reason(), Some(Reason::Interrupt));
    assert_eq!(root.stage(), Stage::Running);
    assert_eq!(other.stage(), Stage::Running);
    script.terminate(Reason::Ended);
    assert_eq!(task.stage(), Stage::Terminated);
    assert_eq!(task.reason(), Some(Reason::Interrupt));
}

#[test]
fn what_joins_a_stopped_tree_is_stopped() {
    let root = Stop::root().expect("eventfd");
    root.interrupt(Reason::Terminate);
    assert_eq!(root.task().reason(), Some(Reason::Terminate));
}

#[test]
fn tasks_stopped_at_the_same_moment_all_wake() {
    use crate::net::host::{Host, ThisMachine, Waited};
    let root = Stop::root().expect("eventfd");
    for _ in 0..50 {
        let tasks: Vec<Stop> = (0..8).map(|_| root.task()).collect();
        let wait = |stop: Stop| {
            std::thread::spawn(move || {
                let host = ThisMachine;
                host.wait(&mut [], Some(host.now() + crate::net::time::Duration::from_secs(60)), &stop)
            })
        };
        let waiting: Vec<_> = tasks.iter().cloned().map(wait).collect();
        while !tasks.iter().all(|task| task.0.waiting.load(Ordering::SeqCst)) {
            std::thread::yield_now();
        }
        let stopping: Vec<_> =
            tasks.into_iter().map(|task| std::thread::spawn(move || task.interrupt(Reason::Ended))).collect();
        for thread in stopping {
            assert!(thread.join().expect("joins"));
        }
        for thread in waiting {
            assert!(matches!(thread.join().expect("joins"), Ok(Waited::Stopped)));
        }
    }
}

#[test]
fn one_task_is_woken_and_its_sibling_waits_on() {
    use crate::net::host::{Host, ThisMachine, Waited};
    let root = Stop::root().expect("eventfd");
    let (one, two) = (root.task(), root.task());
    let wait = |stop: Stop| {
        std::thread::spawn(move || {
            let host = ThisMachine;
            host.wait(&mut [], Some(host.now() + crate::net::time::Duration::from_secs(20)), &stop)
        })
    };
    let (first, second) = (wait(one.clone()), wait(two.clone()));
    while !(one.0.waiting.load(Ordering::SeqCst) && two.0.waiting.load(Ordering::SeqCst)) {
        std::thread::yield_now();
    }
    one.interrupt(Reason::Ended);
    assert!(matches!(first.join().expect("joins"), Ok(Waited::Stopped)));
    assert!(!second.is_finished());
    root.interrupt(Reason::Interrupt);
    assert!(matches!(second.join().expect("joins"), Ok(Waited::Stopped)));
}

#[test]
fn what_an_ended_parent_started_stays_in_the_tree() {
    let root = Stop::root().expect("eventfd");
    let (first, child) = (root.task(), root.child().expect("eventfd"));
    let (second, other) = (first.task(), child.task());
    drop((first, child));
    // One task is stopped in a wait, and the descriptor it shares is low again.
    let waiting = other.waiting();
    let stopping = std::thread::spawn({
        let other = other.clone();
        move || other.interrupt(Reason::Ended)
    });
    let mut polled = [sys::PollFd::readable(other.wake_fd())];
    assert!(matches!(sys::ppoll(&mut polled, None), Ok(1)));
    drop(waiting);
    assert!(stopping.join().expect("joins"));
    assert!(matches!(sys::ppoll(&mut polled, Some(crate::net::time::Duration::ZERO)), Ok(0)));
    root.interrupt(Reason::Interrupt);
    assert_eq!(second.reason(), Some(Reason::Interrupt));
}

#[test]
fn a_chain_of_threads_does_not_grow_unless_it_is_held() {
    let root = Stop::root().expect("eventfd");
    let mut last = root.task();
    for _ in 0..1_000 {
        last = last.task();
    }
    let above = lock(&last.0.parent).clone().expect("a parent");
    assert!(lock(&above.parent).as_ref().is_some_and(|above| Arc::ptr_eq(above, &root.0)));
    let mut held = vec![last];
    for n in 0..200_000 {
        held.push(held[n].task());
    }
    root.interrupt(Reason::Interrupt);
    assert!(held[200_000].is_stopped());
    held.drain(..200_000);
    drop(above);
    drop(held);
}

use sse_client::EventSource;

fn main() {
    let url = std::env::args().nth(1).expect("a URL");
    let stream = EventSource::new(&url).expect("a URL");
    for name in ["message", "gap", "refused", "checkpoint"] {
        stream.add_event_listener(name, move |event| {
            let data: serde_json::Value = serde_json::from_str(&event.data).expect("an object");
            println!("{name} {data}");
        });
    }
    loop {
        std::thread::park();
    }
}

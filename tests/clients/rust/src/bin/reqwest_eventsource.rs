use futures::StreamExt;
use reqwest_eventsource::{Event, EventSource};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).expect("a URL");
    let mut stream = EventSource::get(url);
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::Message(event)) => {
                let data: serde_json::Value = serde_json::from_str(&event.data).expect("an object");
                println!("{} {data}", event.event);
            }
            Ok(Event::Open) => {}
            Err(error) => eprintln!("{error}"), // It reconnects by itself, unless the status was not 200.
        }
    }
}

use eventsource_client::{Client, ClientBuilder, ReconnectOptions, SSE};
use futures::StreamExt;
use launchdarkly_sdk_transport::HyperTransport;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).expect("a URL");
    let transport = HyperTransport::builder().read_timeout(Duration::from_secs(60)).build_http().expect("a transport");
    // By default it ends if the first request fails.
    let reconnect = ReconnectOptions::reconnect(true).retry_initial(true).delay(Duration::from_secs(2)).build();
    let client = ClientBuilder::for_url(&url).expect("a URL").reconnect(reconnect).build_with_transport(transport);
    let mut stream = client.stream();
    while let Some(event) = stream.next().await {
        match event {
            Ok(SSE::Event(event)) => {
                let data: serde_json::Value = serde_json::from_str(&event.data).expect("an object");
                println!("{} {data}", event.event_type);
            }
            Ok(_) => {}
            Err(error) => eprintln!("{error:?}"),
        }
    }
}

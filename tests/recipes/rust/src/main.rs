mod hub;

/// Logs each line of its standard input with the recipe of docs/publishers.md, and answers it when the logger has returned.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hub = hub::Hub::new("redis://127.0.0.1:6379/", "app")?;
    let (writer, _guard) = tracing_appender::non_blocking(hub);
    tracing_subscriber::fmt().json().with_writer(writer).init();
    for text in std::io::stdin().lines() {
        tracing::warn!(target: "shop", "{}", text?);
        println!("logged");
    }
    Ok(())
}

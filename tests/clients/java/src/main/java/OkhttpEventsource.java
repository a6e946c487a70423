import com.google.gson.JsonParser;
import com.launchdarkly.eventsource.*;
import java.net.URI;
import java.util.concurrent.TimeUnit;

class OkhttpEventsource {
    public static void main(String[] args) {
        var connect = ConnectStrategy.http(URI.create(args[0])).readTimeout(60, TimeUnit.SECONDS); // Default: 10.
        var builder = new EventSource.Builder(connect)
            .retryDelay(2, TimeUnit.SECONDS)
            .errorStrategy(ErrorStrategy.alwaysContinue()); // By default it raises an error when a stream ends.
        try (var source = builder.build()) {
            for (var event : source.messages()) {
                System.out.println(event.getEventName() + " " + JsonParser.parseString(event.getData()).getAsJsonObject());
            }
        }
    }
}

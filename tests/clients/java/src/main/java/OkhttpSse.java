import com.google.gson.JsonParser;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import okhttp3.*;
import okhttp3.sse.*;

class OkhttpSse extends EventSourceListener {
    private final Semaphore ended = new Semaphore(0);
    private volatile String lastId;

    public static void main(String[] args) throws InterruptedException {
        var listener = new OkhttpSse();
        var factory = EventSources.createFactory(
            new OkHttpClient.Builder().readTimeout(Duration.ofSeconds(60)).build()); // The default is 10 seconds.
        while (true) { // It does not reconnect by itself, and does not hand out `retry:`.
            var request = new Request.Builder().url(args[0]);
            if (listener.lastId != null) request.header("Last-Event-ID", listener.lastId);
            factory.newEventSource(request.build(), listener);
            listener.ended.acquire();
            Thread.sleep(5_000);
        }
    }

    @Override
    public void onEvent(EventSource source, String id, String type, String data) {
        System.out.println(type + " " + JsonParser.parseString(data).getAsJsonObject());
        lastId = id;
    }

    @Override
    public void onClosed(EventSource source) {
        ended.release();
    }

    @Override
    public void onFailure(EventSource source, Throwable error, Response response) {
        System.err.println(error);
        ended.release();
    }
}

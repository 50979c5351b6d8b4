import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/** Java's own client: it offers h2c with every request in clear. Arguments: requests or websocket, then HOST:PORT. */
class Client {
    public static void main(String[] arguments) throws Exception {
        var client = HttpClient.newHttpClient();
        System.out.println(arguments[0].equals("websocket") ? websocket(client, arguments[1]) : requests(client, arguments[1]));
        System.exit(0);
    }

    static String requests(HttpClient client, String address) throws Exception {
        var told = new StringBuilder();
        var uri = URI.create("http://" + address + "/orders");
        for (var round = 0; round < 4; round++) {
            var request = round % 2 == 0
                ? HttpRequest.newBuilder(uri).build()
                : HttpRequest.newBuilder(uri).POST(HttpRequest.BodyPublishers.ofString("x".repeat(20_000))).build();
            var reply = client.send(request, HttpResponse.BodyHandlers.ofString());
            var length = reply.headers().firstValue("X-Length").orElse("?");
            told.append(round == 0 ? "" : "; ").append(request.method()).append(": ").append(reply.version().toString().replace('_', '/'))
                .append(' ').append(reply.statusCode()).append(", ").append(length).append(" octets arrived");
        }
        return told.toString();
    }

    static String websocket(HttpClient client, String address) throws Exception {
        var echo = new CompletableFuture<String>();
        var listener = new WebSocket.Listener() {
            @Override
            public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
                echo.complete(data.toString());
                return null;
            }
        };
        var socket = client.newWebSocketBuilder().buildAsync(URI.create("ws://" + address + "/chat"), listener).get(20, TimeUnit.SECONDS);
        socket.sendText("hello", true);
        return echo.get(20, TimeUnit.SECONDS).equals("hello") ? "echoed" : "not echoed";
    }
}

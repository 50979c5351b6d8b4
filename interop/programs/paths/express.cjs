// An Express app with mounted routers and plain routes. Prints its port as one line of JSON.
const express = require("express");

const app = express();

function showResource(request, response) {
  response.type("text").send(`resource: ${request.baseUrl}${request.path}\n`);
}

// Express matches routes against the undecoded target, so `é` has to be written encoded.
for (const prefix of ["/account", "/p@q", encodeURI("/café")]) {
  const router = express.Router();
  router.get("/:rest", showResource);
  app.use(prefix, router);
}
app.get("/chat", showResource);
app.get("/api/v:version/orders", showResource);
app.use((request, response) => response.status(404).type("text").send("resource: none\n"));

const server = app.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ express: server.address().port }));
});

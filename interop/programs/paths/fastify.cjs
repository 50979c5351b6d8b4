// A Fastify app with wildcard and plain routes. Prints its port as one line of JSON.
const app = require("fastify")();

function showResource(request) {
  return `resource: ${request.url}\n`;
}

for (const path of ["/account/*", "/p@q/*", "/café/*", "/chat", "/api/v:version/orders"]) {
  app.get(path, showResource);
}
app.setNotFoundHandler((request, reply) => reply.code(404).send("resource: none\n"));

app.listen({ port: 0, host: "127.0.0.1" }, () => {
  console.log(JSON.stringify({ fastify: app.server.address().port }));
});

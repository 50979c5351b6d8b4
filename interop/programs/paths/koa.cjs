// A Koa app with @koa/router. Prints its port as one line of JSON.
const Koa = require("koa");
const { Router } = require("@koa/router");

const app = new Koa();
const router = new Router();

function showResource(context) {
  context.body = `resource: ${context.path}\n`;
}

// The router matches routes against the undecoded target, so `é` has to be written encoded.
for (const path of ["/account/:rest", "/p@q/:rest", encodeURI("/café/:rest")]) {
  router.get(path, showResource);
}
router.get("/chat", showResource);
router.get("/api/v:version/orders", showResource);
app.use(router.routes());
app.use((context) => {
  context.status = 404;
  context.body = "resource: none\n";
});
app.silent = true;

const server = app.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ koa: server.address().port }));
});

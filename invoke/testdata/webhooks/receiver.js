// A receiver of signed events: it answers 204 if the signature is right for the secret in the path, and 401 if not. It says its port.
const http = require("node:http");
const { Webhook } = require("standardwebhooks");

const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    try {
      new Webhook(decodeURIComponent(request.url.slice(1))).verify(Buffer.concat(parts), request.headers);
      response.writeHead(204).end();
    } catch (error) {
      response.writeHead(401).end(String(error));
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit());

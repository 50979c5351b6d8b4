// Asks the server at ADDRESS for /0 to /COUNT-1, each on a connection of its own, and prints a line
// for each: its number, and the status and the content in hexadecimal, or the error.
const http = require("node:http");

const [address, count] = process.argv.slice(2);
const [host, port] = address.split(":");
const atATime = 16;
let next = 0;

function ask(number, done) {
  const finish = (result) => {
    console.log(`${number},${result}`);
    done();
  };
  const options = { host, port, path: `/${number}`, agent: false };
  let ended = false;
  const once = (result) => {
    if (!ended) {
      ended = true;
      finish(result);
    }
  };
  const request = http.get(options, (response) => {
    let content = "";
    response.on("data", (piece) => (content += piece.toString("hex")));
    response.on("end", () => once(`${response.statusCode},${content}`));
    response.on("error", (error) => once(`error ${error.code}`));
  });
  request.on("error", (error) => once(`error ${error.code}`));
}

function askNext() {
  if (next < Number(count)) {
    ask(next++, askNext);
  }
}

for (let started = 0; started < atATime; started++) {
  askNext();
}

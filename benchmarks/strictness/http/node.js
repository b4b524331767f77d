// Distributed under the Boost Software License, Version 1.0. See LICENSE.
const server = require("http").createServer((request, response) => {
  request.resume();
  request.on("end", () => response.end("accepted"));
});
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));

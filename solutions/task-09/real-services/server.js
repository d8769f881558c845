// An HTTP server on node: no handler, `close` on SIGTERM, or an exit.
const http = require('node:http');

const server = http.createServer((request, response) => {
  setTimeout(() => response.end('the answer\n'), request.url === '/slow' ? 1000 : 0);
});
server.listen(8080, process.argv[2]);
if (process.argv[3] === 'close') process.on('SIGTERM', () => server.close());
if (process.argv[3] === 'exit') process.on('SIGTERM', () => process.exit(0));

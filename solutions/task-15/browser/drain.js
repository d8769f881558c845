// Starts a server, shows it to a browser, drains it, and prints what the browser says of that.
'use strict';
const { EventEmitter, once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const { setTimeout: sleep } = require('node:timers/promises');
const { startChromium } = require('./chromium.js');
const { start, endAll } = require('./processes.js');

const [program, browser] = process.argv.slice(2);
const LIMIT = 120; // s, for an event that does not come. With all that do come, time plays no part.

async function startServer() {
  const server = start(program, [], { ...process.env, LISTEN_ADDR: '127.0.0.1:0', DRAIN_BUDGET: '20s' });
  const [ready] = await Promise.race([once(readline.createInterface(server.stdout), 'line'), server.failed]);
  server.port = ready.split(':').pop();
  return server;
}

// A WebSocket that does not answer its close frame: until it is let go, the drain lasts.
async function holdTheDrain(port) {
  const held = net.connect(port, '127.0.0.1');
  held.write('GET /ws HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
  await once(held, 'data');
  return held;
}

// Serves the page, which tells each moment, with what it has seen, and goes on when it is answered.
async function servePage() {
  const page = new EventEmitter();
  const site = http.createServer(async (request, response) => {
    if (request.method !== 'POST') return response.end(fs.readFileSync(path.join(__dirname, 'page.html')));
    let seen = '';
    for await (const part of request) seen += part;
    page.emit(request.url.slice(1), JSON.parse(seen), () => response.end());
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  page.url = `http://127.0.0.1:${site.address().port}/`;
  return page;
}

async function watch(folder) {
  const server = await startServer();
  const held = await holdTheDrain(server.port);
  const page = await servePage();
  const chromium = startChromium(browser, `${page.url}?server=ws://127.0.0.1:${server.port}/ws`, folder);
  const fault = once(page, 'fault').then(([what]) => { throw new Error(`the page: ${what}`); });
  const moment = (name) => Promise.race([once(page, name), fault, chromium.failed]);

  const [, signalled] = await moment('talking');
  server.kill('SIGTERM');
  signalled();
  const [, over] = await moment('closed');
  const during = await chromium.newestEntry();
  held.destroy();
  const exit = await server.ended;
  over();
  const [seen] = await moment('done');
  seen.during.console = during;
  seen.after.console = await chromium.newestEntry();
  return { seen, exit, report: server.said.trim().split('\n')[0] };
}

// A page that has handed over more than was sent when the close frame came is told that this was not clean.
const wentAway = ({ code, reason, error, wrong }) => code === 1001 && reason !== '' && !error && wrong === 0;
const cleanly = (...codes) => ({ code, wasClean, error }) => codes.includes(code) && wasClean && !error;
const failed = (why) => ({ code, wasClean, error, console }) => code === 1006 && !wasClean && error && console.endsWith(why);
const EXPECTED = {
  before: ['closed by the page before the signal', cleanly(4000)],
  idle: ['idle', (end) => wentAway(end) && end.wasClean],
  talking: ['talking', (end) => wentAway(end) && end.wasClean],
  restless: ['talking without a pause', wentAway],
  leaving: ['closed by the page at the signal', cleanly(1001, 4001)], // Who of the two is the first is open.
  during: ['opened in the drain', failed(' 503')],
  after: ['opened after the exit', failed('ERR_CONNECTION_REFUSED')],
};

function words({ code, reason, wasClean, error, sent, answered, wrong, console }) {
  const end = `${error ? 'error, ' : ''}close ${code} "${reason}" wasClean=${wasClean}`;
  if (sent) return `${end}; ${sent} sent, ${answered} answered, ${wrong} wrong`;
  return console ? `${end}; ${console.split(' failed: ').pop()}` : end;
}

function judge({ seen, exit, report }) {
  const rows = Object.entries(EXPECTED).map(([key, [name, holds]]) => [name, holds(seen[key]), words(seen[key])]);
  rows.push(['the server', exit === 0 && /^drain outcome=complete .* abandoned=0$/.test(report), `exit ${exit}, ${report}`]);
  for (const [name, holds, said] of rows) console.log(`${holds ? 'ok  ' : 'FAIL'}  ${name.padEnd(38)}${said}`);
  const wrong = rows.filter(([, holds]) => !holds).length;
  console.log(`${rows.length - wrong} passed, ${wrong} failed`);
  return wrong ? 1 : 0;
}

async function stopped(signal) {
  await once(process, signal);
  throw new Error(`stopped by ${signal}`);
}

async function late() {
  await sleep(LIMIT * 1000);
  throw new Error(`something did not come within ${LIMIT} s`);
}

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'drain-browser-'));
  const interrupted = ['SIGINT', 'SIGTERM', 'SIGHUP'].map(stopped);
  let code = 1;
  try {
    code = judge(await Promise.race([watch(folder), late(), ...interrupted]));
  } catch (error) {
    console.log(`FAIL  ${error.message}`);
  }
  await endAll();
  fs.rmSync(folder, { recursive: true });
  process.exit(code);
}
main();

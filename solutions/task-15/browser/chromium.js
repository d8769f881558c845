// Headless Chromium, and what it writes to the console of the page.
'use strict';
const { EventEmitter, once } = require('node:events');
const { start } = require('./processes.js');

// All that it writes goes to `folder`.
function startChromium(command, url, folder) {
  const chromium = start(command, ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-breakpad',
    '--remote-debugging-pipe', `--user-data-dir=${folder}/profile`, url],
  { PATH: process.env.PATH, HOME: folder, TMPDIR: folder }, 'pipe', 'pipe');
  // They are also a lifeline: when this process ends, in whatever way, the browser ends.
  const [, , , to, from] = chromium.stdio;
  to.on('error', () => {}); // It has ended: `failed` says so.

  const heard = new EventEmitter();
  const attached = once(heard, 'attached');
  const entries = [];
  let session;
  const ask = (id, method, params) => to.write(`${JSON.stringify({ id, sessionId: session, method, params })}\0`);
  const hear = ({ id, method, params }) => {
    if (id) heard.emit(id);
    if (method === 'Log.entryAdded') entries.push(params.entry.text);
    if (method === 'Target.attachedToTarget' && params.targetInfo.type === 'page') {
      session = params.sessionId;
      ask(1, 'Log.enable');
      heard.emit('attached');
    }
  };
  let rest = '';
  from.setEncoding('utf8').on('data', (text) => {
    const messages = (rest + text).split('\0');
    rest = messages.pop();
    for (const message of messages) hear(JSON.parse(message));
  });
  ask(2, 'Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: true });

  // The newest entry so far: what was written before this was called is in it, for it comes before the answer.
  chromium.newestEntry = async () => {
    await Promise.race([attached, chromium.failed]);
    ask(3, 'Runtime.evaluate', { expression: '' });
    await Promise.race([once(heard, 3), chromium.failed]);
    return entries.at(-1) ?? '';
  };
  return chromium;
}

module.exports = { startChromium };

// The processes that are started here, and their end: nothing of them is left, however it ends.
'use strict';
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');

const groups = [];

// `said` is what it has written to stderr; `ended` gives its exit code or its signal; `failed` rejects when it has ended.
function start(command, options, env, ...pipes) {
  // As the leader of a group, so that its own children are found.
  const child = spawn(command, options, { detached: true, env, stdio: ['ignore', 'pipe', 'pipe', ...pipes] });
  groups.push(String(child.pid));
  child.said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { child.said += text; });
  child.ended = once(child, 'close').then(([code, signal]) => signal ?? code);
  child.failed = child.ended.then((end) => { throw new Error(`${command} has ended: ${end}\n${child.said}`); });
  child.failed.catch(() => {}); // Whoever does not wait for it is not stopped by it.
  return child;
}

function alive() {
  return fs.readdirSync('/proc').filter((entry) => {
    try {
      const [state, , group] = fs.readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ').pop().split(' ');
      return state !== 'Z' && groups.includes(group);
    } catch {
      return false; // No process, or no more.
    }
  });
}

// Kills what is left, and returns when nothing is.
async function endAll() {
  for (let left = alive(); left.length; left = alive()) {
    for (const pid of left) {
      try { process.kill(pid, 'SIGKILL'); } catch { /* It has just ended. */ }
    }
    await sleep(10);
  }
}

module.exports = { start, endAll };

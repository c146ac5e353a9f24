// The way in: `npm run demo`, `npm start`, `npm run dev` and `npm test` on a clone that holds nothing but its files.
// Plain JavaScript without packages, and old enough in its syntax that an outdated Node can tell its own age.
import { spawn } from 'child_process';
import { existsSync } from 'fs';
import { dirname, join } from 'path';
import { fileURLToPath, pathToFileURL } from 'url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const [command = 'start', ...args] = process.argv.slice(2);

function say(line) {
  process.stdout.write(`tauro: ${line}\n`);
}

function fail(message) {
  process.stderr.write(`tauro: ${message}\n`);
  process.exit(1);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const enough = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
  if (!enough) {
    fail(
      `Node ${process.versions.node} is too old: Node 20.19, 22.12 or newer is needed (https://nodejs.org).`,
    );
  }
}

/**
 * npm passes a SIGTERM on to the shell between itself and this process, and the shell dies of it without a word. An
 * orphan of npm therefore ends as if it had got the signal itself.
 */
function endWithNpm() {
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 300);
  watch.unref();
}

/** A child that gets the signals which end this process. */
function spawnChild(program, programArgs) {
  const child = spawn(program, programArgs, { cwd: ROOT, stdio: 'inherit' });
  const pass = (signal) => child.kill(signal);
  process.on('SIGTERM', pass).on('SIGINT', pass);
  child.once('exit', () => process.removeListener('SIGTERM', pass).removeListener('SIGINT', pass));
  return child;
}

/** Runs one step to its end with its output shown, and tells how long it took. */
function step(what, program, programArgs) {
  say(`${what} ...`);
  const started = Date.now();
  return new Promise((resolve) => {
    const child = spawnChild(program, programArgs);
    const reminder = setInterval(() => say(`${what}, ${seconds(started)} s so far`), 10_000);
    child.once('error', (error) => fail(`${what}: ${error.message}`));
    child.once('exit', (code, signal) => {
      clearInterval(reminder);
      if (code !== 0) fail(`${what} failed (${signal || `exit code ${code}`}); the reason is above.`);
      say(`${what}: done in ${seconds(started)} s`);
      resolve();
    });
  });
}

function seconds(since) {
  return ((Date.now() - since) / 1000).toFixed(1);
}

/** npm itself, also where only `npm run` knows where it is. */
function npm(...npmArgs) {
  const cli = process.env.npm_execpath;
  return cli && cli.endsWith('.js') ? [process.execPath, [cli, ...npmArgs]] : ['npm', npmArgs];
}

async function main() {
  checkNode();
  endWithNpm();
  const { needsBuild, needsInstall, rememberBuild } = await import('./freshness.mjs');
  if (needsInstall(ROOT)) {
    await step(
      'installing packages from the lockfile',
      ...npm('ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'),
    );
  }
  const sources = needsBuild(ROOT);
  if (sources) {
    await step('building', ...npm('run', '--silent', 'build'));
    rememberBuild(ROOT, sources);
  }
  if (command === 'test') await test();
  else await runCli();
}

/** Unit, contract and end-to-end tests; jest starts the stores itself. */
async function test() {
  const { runTests } = await import('./run-tests.mjs');
  const spawn = (program, programArgs) =>
    new Promise((resolve) => {
      const child = spawnChild(program, programArgs);
      child.once('exit', (code, signal) => (signal ? process.exit(1) : resolve(code)));
    });
  process.exit(await runTests(ROOT, args, spawn));
}

/** In this very process: one less to start, to signal and to leave behind. */
async function runCli() {
  const entry = join(ROOT, 'dist/apps/cli/src/main.js');
  if (!existsSync(entry)) fail(`${entry} is missing although the build succeeded.`);
  process.chdir(ROOT);
  process.setSourceMapsEnabled(true);
  process.argv = [process.argv[0], entry, command, ...args];
  await import(pathToFileURL(entry).href);
}

main().catch((error) => fail(error.stack));

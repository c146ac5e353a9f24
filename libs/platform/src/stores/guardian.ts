import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

import { type GuardianAnswer, type GuardianContact, type GuardianRequest } from './guardian-protocol.js';
import { GuardedServer } from './guarded-server.js';

/**
 * A small process of its own that runs the embedded servers for as long as somebody is connected to it. The
 * operating system closes the connections of a process however it ends, so that even after `kill -9` of the
 * supervisor no server stays behind; and a second start in the same folder joins the running servers.
 */
const contactFile = process.argv[2]!;
const LONELY_MS = 10_000;

const token = randomBytes(24).toString('hex');
const servers = new Map<string, Promise<GuardedServer>>();
const clients = new Set<Socket>();
let ending = false;

const door = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  const lines = createInterface(socket);
  lines.on('line', (line) => void serve(socket, line));
  lines.on('error', () => socket.destroy());
  socket.on('end', () => void leave(socket));
  socket.on('close', () => void leave(socket));
});

door.listen(0, '127.0.0.1', () => {
  const address = door.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const contact: GuardianContact = { pid: process.pid, port: address.port, token };
  writeFileSync(contactFile, JSON.stringify(contact), { mode: 0o600 });
  process.stdout.write('ready\n');
});
setTimeout(() => clients.size === 0 && void end(), LONELY_MS);

// A terminal's Ctrl-C and a shutdown of the machine reach this process too; its clients decide.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('SIGTERM', () => void end());

async function serve(socket: Socket, line: string): Promise<void> {
  let answer: GuardianAnswer;
  try {
    const request = JSON.parse(line) as GuardianRequest;
    if (request.token !== token || ending) return void socket.destroy();
    clients.add(socket);
    const running = await Promise.all(request.servers.map((spec) => ensure(new GuardedServer(spec))));
    answer = { ports: Object.fromEntries(running.map(({ spec }) => [spec.name, spec.port])) };
  } catch (error) {
    answer = { error: (error as Error).message };
  }
  if (socket.writable) socket.write(JSON.stringify(answer) + '\n');
}

/** The running server of this name, or this one, started. One that failed may be tried again. */
function ensure(server: GuardedServer): Promise<GuardedServer> {
  const { name } = server.spec;
  const running = servers.get(name);
  if (running) return running;
  const starting = server.start().then(() => server);
  servers.set(name, starting);
  starting.catch(() => servers.delete(name));
  return starting;
}

/** The last one to leave waits for the end of the servers; the connection is closed when they are gone. */
async function leave(socket: Socket): Promise<void> {
  if (clients.delete(socket) && clients.size === 0) await end();
  socket.destroy();
}

async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  rmSync(contactFile, { force: true });
  door.close();
  const started = await Promise.allSettled([...servers.values()]);
  await Promise.all(started.flatMap((one) => (one.status === 'fulfilled' ? one.value.stop() : [])));
  process.exit(0);
}

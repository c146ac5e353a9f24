import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { type GuardianAnswer, type GuardianContact, type GuardianRequest } from './guardian-protocol.js';
import { withLock } from './lock.js';
import { type Log } from './run-tool.js';
import { type ServerSpec } from './server-spec.js';

const STOP_MS = 20_000;

/** A hold on running servers; they run until every holder has released them or has died. */
export interface Hold {
  ports: Record<string, number>;
  /** Resolves when the servers have ended, if this was the last hold, at once otherwise. */
  release(): Promise<void>;
}

/** Takes hold of the servers of a folder, starting the guardian and the servers when they do not run. */
export function holdServers(dataDir: string, servers: ServerSpec[], log: Log): Promise<Hold> {
  // Of two starts at the same moment, the second must find the guardian of the first.
  return withLock(join(dataDir, 'guardian.lock'), log, async () => {
    const contactFile = join(dataDir, 'guardian.json');
    return (await joinGuardian(contactFile, servers)) ?? (await startAndJoin(contactFile, dataDir, servers));
  });
}

async function startAndJoin(contactFile: string, dataDir: string, servers: ServerSpec[]): Promise<Hold> {
  await startGuardian(contactFile, dataDir);
  const hold = await joinGuardian(contactFile, servers);
  if (!hold)
    throw new Error(`the guardian of the stores ended at once; see ${join(dataDir, 'guardian.log')}`);
  return hold;
}

/** Undefined when no guardian answers: its contact may be left over from one that was killed. */
async function joinGuardian(contactFile: string, servers: ServerSpec[]): Promise<Hold | undefined> {
  const contact = readContact(contactFile);
  const socket = contact && (await dial(contact.port));
  if (!socket) return undefined;
  const answer = await ask(socket, { token: contact.token, servers });
  if (!answer) return undefined;
  if ('error' in answer) {
    await release(socket);
    throw new Error(answer.error);
  }
  // A process that has nothing else to do may end; that releases the servers, too.
  socket.unref();
  return { ports: answer.ports, release: () => release(socket) };
}

function readContact(path: string): GuardianContact | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as GuardianContact;
  } catch {
    return undefined;
  }
}

function dial(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

/** Undefined when the other side hangs up: a stranger on that port, or a guardian that is just ending. */
function ask(socket: Socket, request: GuardianRequest): Promise<GuardianAnswer | undefined> {
  return new Promise((resolve) => {
    socket.on('error', () => socket.destroy());
    socket.once('close', () => resolve(undefined));
    createInterface(socket).once('line', (line) => resolve(parseAnswer(line)));
    socket.write(JSON.stringify(request) + '\n');
  });
}

function parseAnswer(line: string): GuardianAnswer | undefined {
  try {
    return JSON.parse(line) as GuardianAnswer;
  } catch {
    return undefined;
  }
}

async function release(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  socket.ref();
  await new Promise<void>((resolve) => {
    const giveUp = setTimeout(() => socket.destroy(), STOP_MS);
    socket.once('close', () => {
      clearTimeout(giveUp);
      resolve();
    });
    socket.end();
  });
}

/** In a process group of its own: Ctrl-C must not take the stores from an API that still has to write. */
async function startGuardian(contactFile: string, dataDir: string): Promise<void> {
  mkdirSync(dataDir, { recursive: true });
  const log = openSync(join(dataDir, 'guardian.log'), 'w');
  const guardian = spawn(process.execPath, [join(__dirname, 'guardian.js'), contactFile], {
    detached: true,
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', log],
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    guardian.stdout!.once('data', () => resolve());
    guardian.once('error', reject);
    guardian.once('exit', (code) => reject(new Error(`the guardian of the stores ended with code ${code}`)));
  });
  guardian.stdout!.destroy();
  guardian.unref();
}

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The variable by which a command is found again, with whatever it started and however that was detached from it. */
export const MARK = 'TAURO_COMMAND';

interface Entry {
  pid: number;
  parent: number;
  session: number;
  /** With the pid it is never seen twice. */
  startedAt: string;
  rssPages: number;
}

/** Almost everywhere; where it is another size, memory is only counted in other units. */
const PAGE_BYTES = 4096;

/**
 * The marks of processes that were looked at, so that a look costs little. A mark comes with the environment of whoever
 * started a process, and stays; the first process of a command gets its own late, and is known by its session.
 */
const marks = new Map<string, string | undefined>();

function markIn(pid: number, startedAt: string): string | undefined {
  const key = `${pid} ${startedAt}`;
  if (marks.has(key)) return marks.get(key);
  const environment = read(`/proc/${pid}/environ`);
  // In the middle of becoming another program it has none for a moment.
  if (!environment) return undefined;
  if (marks.size > 10_000) marks.clear();
  const mark = markOfEnvironment(environment);
  marks.set(key, mark);
  return mark;
}

const markOfEnvironment = (environment: string): string | undefined =>
  new RegExp(`\\0${MARK}=([^\\0]*)\\0`).exec(`\0${environment}`)?.[1];

/**
 * The processes of one command, found in /proc: those that carry its mark in their environment, those of its session,
 * and whatever these have started. Elsewhere than on Linux there are none to be found, and its process group is all
 * that can be ended.
 */
export class ProcessTree {
  /**
   * @param mark the value of `MARK`
   * @param leader the process that leads its session and its process group; undefined when it is not known
   */
  constructor(
    private readonly mark: string,
    private readonly leader?: number,
  ) {}

  /** Those that live, zombies left out. */
  members(): { pid: number; rssBytes: number }[] {
    const all = processes();
    const mine = new Map<number, Entry>();
    for (const entry of all) if (this.belongs(entry)) mine.set(entry.pid, entry);
    for (let before = -1; before !== mine.size;) {
      before = mine.size;
      for (const entry of all) if (mine.has(entry.parent)) mine.set(entry.pid, entry);
    }
    mine.delete(process.pid);
    return [...mine.values()].map(({ pid, rssPages }) => ({ pid, rssBytes: rssPages * PAGE_BYTES }));
  }

  /** Sends a signal to all of them. @returns how many they were */
  signal(signal: NodeJS.Signals): number {
    const members = this.members();
    // The kernel lets nobody of a group fork past a signal to all of it.
    if (this.leader !== undefined) send(-this.leader, signal);
    for (const { pid } of members) send(pid, signal);
    return members.length;
  }

  private belongs({ pid, session, startedAt }: Entry): boolean {
    if (this.leader !== undefined && session === this.leader) return true;
    return markIn(pid, startedAt) === this.mark;
  }
}

/**
 * Ends what commands have left whose supervisor is gone: it was killed together with its worker.
 * @returns how many processes were ended
 */
export function endAbandoned(): number {
  let ended = 0;
  for (const { pid } of processes()) {
    const mark = markOfEnvironment(read(`/proc/${pid}/environ`) ?? '');
    const supervisor = mark === undefined ? undefined : supervisorOf(mark);
    if (supervisor !== undefined && !isThere(supervisor) && send(pid, 'SIGKILL')) ended++;
  }
  return ended;
}

/** A process that says which one it is for as long as the machine runs. */
interface Identity {
  pid: number;
  startedAt: string;
}

/** A mark of this process's own: it tells who looks after the command, and where that is a process id. */
export const markOf = (claimId: string): string =>
  `${namespace()}.${process.pid}.${startOf(process.pid) ?? 0}.${claimId}`;

/** Who looks after a command, unless that is for another container to know: there a process id is somebody else's. */
function supervisorOf(mark: string): Identity | undefined {
  const [, at, pid, startedAt] = /^(\d+)\.(\d+)\.(\d+)\./.exec(mark) ?? [];
  return at === namespace() ? { pid: Number(pid), startedAt: startedAt! } : undefined;
}

/** The number of the space in which process ids are given; 0 where there is none. */
function namespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}

const isThere = ({ pid, startedAt }: Identity): boolean => startOf(pid) === startedAt;

const startOf = (pid: number): string | undefined => entryOf(pid)?.startedAt;

function processes(): Entry[] {
  let names: string[] = [];
  try {
    names = readdirSync('/proc');
  } catch {
    // Not Linux.
  }
  return names.flatMap((name) => (/^\d+$/.test(name) ? (entryOf(Number(name)) ?? []) : []));
}

/** What /proc/<pid>/stat says; the name of the program stands in brackets and may hold anything. */
function entryOf(pid: number): Entry | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent, , session] = fields;
  if (state === 'Z' || state === 'X') return undefined;
  return {
    pid,
    parent: Number(parent),
    session: Number(session),
    startedAt: fields[19]!,
    rssPages: Number(fields[21]),
  };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/** Whether there was somebody to send it to. */
function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

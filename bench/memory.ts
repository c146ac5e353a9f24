import { execFileSync } from 'node:child_process';

interface ProcessRow {
  pid: number;
  parent: number;
  kb: number;
}

/** Every process of this machine. */
function processes(): ProcessRow[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,rss='], { encoding: 'utf8' }).trim().split('\n');
  return lines.map((line) => {
    const [pid, parent, kb] = line.trim().split(/\s+/).map(Number);
    return { pid: pid!, parent: parent!, kb: kb! };
  });
}

/** Resident memory of a process and everything below it now, in MB. Pages that they share are counted for each. */
export function residentMb(pid: number): number {
  const all = processes();
  const sum = (of: number): number =>
    all.reduce(
      (total, one) => total + (one.pid === of ? one.kb / 1024 : 0) + (one.parent === of ? sum(one.pid) : 0),
      0,
    );
  return sum(pid);
}

/** Resident memory of a process alone, in MB. */
export const ownMb = (pid: number): number => (processes().find((one) => one.pid === pid)?.kb ?? 0) / 1024;

/** Whether a process has none below it. */
export const isChildless = (pid: number): boolean => processes().every(({ parent }) => parent !== pid);

/** Looks at a process tree's resident memory four times a second until it is asked for the highest it saw, in MB. */
export function watchMemory(pid: number): () => number {
  let peak = residentMb(pid);
  const timer = setInterval(() => (peak = Math.max(peak, residentMb(pid))), 250);
  return () => {
    clearInterval(timer);
    return peak;
  };
}

import { execFileSync } from 'node:child_process';

/** Resident memory of a process and everything below it now, in MB. Pages that they share are counted for each. */
export function residentMb(pid: number): number {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,rss='], { encoding: 'utf8' }).trim().split('\n');
  const all = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const sum = (of: number): number =>
    all.reduce(
      (total, [id, parent, kb]) => total + (id === of ? kb! / 1024 : 0) + (parent === of ? sum(id!) : 0),
      0,
    );
  return sum(pid);
}

/** Looks at a process tree's resident memory four times a second until it is asked for the highest it saw, in MB. */
export function watchMemory(pid: number): () => number {
  let peak = residentMb(pid);
  const timer = setInterval(() => (peak = Math.max(peak, residentMb(pid))), 250);
  return () => {
    clearInterval(timer);
    return peak;
  };
}

import { execFileSync } from 'node:child_process';

/** Resident memory of a process now, in MB. */
export function residentMb(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
}

/** Looks at a process's resident memory four times a second until it is asked for the highest it saw, in MB. */
export function watchMemory(pid: number): () => number {
  let peak = residentMb(pid);
  const timer = setInterval(() => (peak = Math.max(peak, residentMb(pid))), 250);
  return () => {
    clearInterval(timer);
    return peak;
  };
}

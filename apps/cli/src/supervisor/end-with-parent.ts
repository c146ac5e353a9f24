/**
 * Loaded into every child before its own code: when the supervisor is gone, however it ended, so is the child. The
 * child's own code does that in good order once it runs; this also covers the time until then, and a child that hangs.
 */
const HANG_MS = 30_000;

if (process.ppid === Number(process.env.TAURO_SUPERVISOR_PID)) {
  process.once('disconnect', () => {
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), HANG_MS).unref();
    process.kill(process.pid, 'SIGTERM');
  });
}

// Loaded into a process before its own code: makes a fault that nobody foresaw happen when a test wants it.
process.on('SIGUSR2', () => {
  throw new TypeError('a fault that nobody foresaw: token=abcdef0123456789');
});

export * from './queue.module.js';
export * from './queues.js';
export * from './redis-commands.js';
export * from './schedule-pattern.js';
export * from './signals.js';

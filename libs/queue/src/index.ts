export * from './queue.module.js';
export * from './queues.js';
export * from './signals.js';

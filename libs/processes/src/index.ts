export * from './pooled-process.js';
export * from './process-pool.js';
export * from './protocol.js';
export * from './serve.js';

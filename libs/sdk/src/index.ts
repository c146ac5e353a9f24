export { type Json, type JsonObject } from '@tauro/domain';
export * from './attempt-tables.js';
export * from './context.js';
export * from './tables.js';
export * from './task.js';

export { type Json, type JsonObject } from '@tauro/domain';
export * from './context.js';
export * from './task.js';

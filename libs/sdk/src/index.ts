export { type Json, type JsonObject, type NodeDefinition, type PipelineDefinition } from '@tauro/domain';
export * from './attempt-tables.js';
export * from './context.js';
export * from './handler-output.js';
export * from './pipeline.js';
export * from './tables.js';
export * from './task.js';

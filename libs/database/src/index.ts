export * from './database.module.js';
export * from './schemas/document.js';
export * from './schemas/pipeline.schema.js';
export * from './schemas/project.schema.js';
export * from './schemas/run-log.schema.js';
export * from './schemas/run.schema.js';
export * from './schemas/task.schema.js';
export * from './schemas/worker.schema.js';

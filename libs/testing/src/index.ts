export * from './pipeline-run.js';
export { type LogLine, type Table, type TableGiven } from './workbench.js';
export * from './run-pipeline.js';
export * from './run-task.js';

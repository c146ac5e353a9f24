export * from './declared-pipelines.js';
export * from './handler-files.js';
export * from './handler-modules.js';
export { SDK_FILE } from './module-loader.js';

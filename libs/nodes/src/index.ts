export * from './artifacts.js';
export * from './error-types.js';
export * from './node-kind.js';
export * from './registry.js';
export * from './settings.js';
export * from './user-schema/outputs.js';
export * from './user-schema/params.js';
export * from './validate.js';

export * from './artifacts.js';
export * from './node-kind.js';
export * from './registry.js';
export * from './settings.js';
export * from './validate.js';

export { formatTraceparent, parseTraceparent } from './traceparent.js';
export * from './tracing.js';

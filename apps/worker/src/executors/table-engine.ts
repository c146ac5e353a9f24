/* What only handlers that work on tables need: it is loaded when the first of a process does. */
export { HandlerTables } from '@tauro/nodes';

/** The `collection` of a node's config. */
export const collectionName = (description: string): Record<string, unknown> => ({
  type: 'string',
  minLength: 1,
  maxLength: 200,
  pattern: '^[^$\\u0000]+$',
  description,
});

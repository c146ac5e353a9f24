/** The `connection` of a node's config. */
export const connectionName = (kind: string): Record<string, unknown> => ({
  type: 'string',
  minLength: 1,
  maxLength: 255,
  description: `The name of a connection of the project, or of one for all projects; \`${kind}\` by default.`,
});

export const HOST = {
  type: 'string',
  pattern: '^[A-Za-z0-9._:-]{1,255}$',
  description: 'A name or an address. Private ones are reached where EGRESS_ALLOW_PRIVATE is true.',
};

export const portOr = (standard: number): Record<string, unknown> => ({
  type: 'integer',
  minimum: 1,
  maximum: 65_535,
  description: `${standard} by default.`,
});

export const text = (description: string, maxLength = 255): Record<string, unknown> => ({
  type: 'string',
  minLength: 1,
  maxLength,
  description,
});

/** Seconds that setting up a connection may take. */
export const CONNECT_TIMEOUT = {
  type: 'number',
  minimum: 1,
  maximum: 60,
  description: 'Seconds that setting up the connection may take; 10 by default.',
};

/** Seconds that one statement may take. */
export const STATEMENT_TIMEOUT = {
  type: 'number',
  minimum: 1,
  maximum: 86_400,
  description: 'Seconds that one statement may take; what the server says by default.',
};

export const TLS = {
  enum: ['disable', 'prefer', 'require', 'verify'],
  description:
    'disable; prefer (default) encrypts where the server can; require insists on it; verify checks the ' +
    'certificate and the name of the server too.',
};

export const CA = text('For verify: the certificates, as PEM, that vouch for the server.', 65_536);

/** The secret of a kind: texts by name, none of which has to be there. */
export const secretOf = (properties: Record<string, string>): Record<string, unknown> => ({
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    Object.entries(properties).map(([key, description]) => [
      key,
      { type: 'string', minLength: 1, maxLength: 16_384, description },
    ]),
  ),
});

import { type ErrorDetail } from '@tauro/domain';

/** What is wrong with a secret, however good, while SECRET_KEY is the placeholder. @param field where it stands. */
export const cannotBeSealed = (field: string): ErrorDetail => ({
  field,
  message:
    'cannot be kept safe while SECRET_KEY is the published placeholder; set SECRET_KEY, for example to the output of: openssl rand -base64 48',
  type: 'value_error',
});

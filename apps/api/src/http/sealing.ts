import { type ErrorDetail } from '@tauro/domain';

/** Why nothing is kept that SECRET_KEY would have to protect, and what to do; it follows what is to be kept. */
export const CANNOT_BE_KEPT =
  'cannot be kept safe while SECRET_KEY is the published placeholder; set SECRET_KEY, for example to the output of: openssl rand -base64 48';

/** What is wrong with a secret, however good, while SECRET_KEY is the placeholder. @param field where it stands. */
export const cannotBeSealed = (field: string): ErrorDetail => ({
  field,
  message: CANNOT_BE_KEPT,
  type: 'value_error',
});

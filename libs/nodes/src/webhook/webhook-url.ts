import { checkTarget } from '../egress/egress.js';

/**
 * What is wrong with the URL of a webhook, as far as it can be seen in it; undefined when nothing is. Whether private
 * addresses are allowed is the worker's to say, when it calls.
 */
export function webhookUrlFault(text: string): string | undefined {
  if (!URL.canParse(text)) return 'is no URL; write it out, such as https://example.com/hooks/tauro';
  const url = new URL(text);
  if (url.username || url.password)
    return 'holds a user or a password, which everybody who may read the settings would see; give a secret instead, and check the signature';
  try {
    checkTarget(url, true);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

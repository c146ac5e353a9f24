import { type TestStores } from './global-setup.js';

/** Ends the stores that the setup started and removes what they wrote. */
export default async function teardown(): Promise<void> {
  const { tauroTestStores } = globalThis as unknown as { tauroTestStores: TestStores };
  await tauroTestStores.stop();
}

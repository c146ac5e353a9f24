import { type OpenConnection } from '../connections/connection-kind.js';

/** What a topic is called among the datasets of all systems, as OpenLineage has it. */
export const topicDataset = (
  { config: { brokers } }: OpenConnection,
  topic: string,
): { namespace: string; name: string } => ({ namespace: `kafka://${(brokers as string[])[0]}`, name: topic });

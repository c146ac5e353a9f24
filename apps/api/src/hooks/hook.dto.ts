/** A call that was taken. */
export class AcceptedCall {
  /** The run that it starts. */
  run_id!: string;

  /** Its record, in the list of the trigger's events. */
  event_id!: string;

  /** Whether it was here before, so that it started nothing now. */
  repeated!: boolean;
}

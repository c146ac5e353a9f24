export const MIGRATE_USAGE = `Usage: npm run migrate -- up | down | status | create <name>

  up [--to 001]         apply what is pending (as far as 001)
  down [--to 001]       roll back the last one (all after 001; 000: all)
  status                what is applied; ends with code 1 unless everything is
  create add_thing      write the next migration, to be edited
`;

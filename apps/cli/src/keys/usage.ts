export const KEYS_USAGE = `Usage: npm run keys -- create --name <name> --role <role>

  --name                what it is for
  --role                viewer, operator, developer, admin, or one of your own; may be repeated
  --permission          besides what the roles allow, such as runs:execute; may be repeated
  --project             confines it to this project; may be repeated
  --expires-in          when it ends, such as 90d; never unless given
`;

#!/usr/bin/env bash
# Writes down accounts for `reseal world import` and `reseal explain --policies`, reading only.
#
#   capture.sh --out DIR --profile NAME [--profile NAME ...] --region REGION [--region REGION ...]
#              [--organization PROFILE] [--tags]
#
# It calls Describe, Get and List operations of iam, kms, ec2, sts and (with --organization, the profile of the
# management account) organizations, and writes nothing but DIR. Every answer is cut down by --query to the members
# named below, so what is not named never reaches the disk: no access keys, no descriptions, no user data, no names or
# addresses of accounts, and of tags the keys only (with --tags their values too, for policies that ask for them).
# Policies are kept as they are. What could not be read is said on stderr and is missing in DIR.
# Needs bash and the `aws` command. A profile's credentials stay with `aws`.
set -euo pipefail

out='' organization='' profiles=() regions=() tag='{Key:Key}' with_tags=''

usage() {
  sed -n '2,/^# Needs/s/^# \{0,1\}//p' "$0"
  exit "$1"
}

while [ $# -gt 0 ]; do
  case "$1" in
    --out) out="${2:?--out needs a folder}"; shift 2 ;;
    --profile) profiles+=("${2:?--profile needs a name}"); shift 2 ;;
    --region) regions+=("${2:?--region needs a name}"); shift 2 ;;
    --organization) organization="${2:?--organization needs a profile}"; shift 2 ;;
    --tags) tag='{Key:Key,Value:Value}' with_tags=yes; shift ;;
    --help | -h) usage 0 ;;
    *) echo "capture.sh: unknown option $1" >&2; usage 2 >&2 ;;
  esac
done
if [ -z "$out" ] || [ "${#profiles[@]}" -eq 0 ] || [ "${#regions[@]}" -eq 0 ]; then
  echo 'capture.sh: --out, --profile and --region are needed' >&2
  exit 2
fi
if [ -e "$out" ] && [ -n "$(ls -A "$out")" ]; then
  echo "capture.sh: $out is not empty; a capture begins with an empty folder" >&2
  exit 2
fi
umask 077
export AWS_DEFAULT_REGION="${regions[0]}" AWS_REGION="${regions[0]}" # for the services that have none
failed=0

# keep FILE COMMAND...: the command's answer in FILE; where it is refused, no file and a line on stderr.
keep() {
  local file="$1"
  shift
  mkdir -p "$(dirname "$file")"
  if "$@" > "$file.part" 2> "$out/.refused"; then
    mv "$file.part" "$file"
  else
    rm -f "$file.part"
    echo "capture.sh: ${file#"$out"/}: $(tr '\n' ' ' < "$out/.refused")" >&2
    failed=1
  fi
}

policies="[].{PolicyName:PolicyName,PolicyDocument:PolicyDocument}"
attached="AttachedManagedPolicies[].{PolicyName:PolicyName,PolicyArn:PolicyArn}"
boundary="PermissionsBoundary.{PermissionsBoundaryType:PermissionsBoundaryType,PermissionsBoundaryArn:PermissionsBoundaryArn}"
details="{UserDetailList:UserDetailList[].{UserName:UserName,UserId:UserId,Arn:Arn,Path:Path,CreateDate:CreateDate,\
GroupList:GroupList,UserPolicyList:UserPolicyList$policies,AttachedManagedPolicies:$attached,\
PermissionsBoundary:$boundary,Tags:Tags[].$tag},\
GroupDetailList:GroupDetailList[].{GroupName:GroupName,GroupId:GroupId,Arn:Arn,Path:Path,CreateDate:CreateDate,\
GroupPolicyList:GroupPolicyList$policies,AttachedManagedPolicies:$attached},\
RoleDetailList:RoleDetailList[].{RoleName:RoleName,RoleId:RoleId,Arn:Arn,Path:Path,CreateDate:CreateDate,\
AssumeRolePolicyDocument:AssumeRolePolicyDocument,RolePolicyList:RolePolicyList$policies,\
AttachedManagedPolicies:$attached,PermissionsBoundary:$boundary,Tags:Tags[].$tag},\
Policies:Policies[].{PolicyName:PolicyName,PolicyId:PolicyId,Arn:Arn,Path:Path,DefaultVersionId:DefaultVersionId,\
CreateDate:CreateDate,UpdateDate:UpdateDate,\
PolicyVersionList:PolicyVersionList[].{VersionId:VersionId,IsDefaultVersion:IsDefaultVersion,Document:Document,\
CreateDate:CreateDate}}}"
metadata="{KeyMetadata:KeyMetadata.{AWSAccountId:AWSAccountId,KeyId:KeyId,Arn:Arn,CreationDate:CreationDate,\
Enabled:Enabled,KeyUsage:KeyUsage,KeyState:KeyState,DeletionDate:DeletionDate,\
PendingDeletionWindowInDays:PendingDeletionWindowInDays,Origin:Origin,KeyManager:KeyManager,KeySpec:KeySpec,\
MultiRegion:MultiRegion,MultiRegionConfiguration:MultiRegionConfiguration}}"
grants="{Grants:Grants[].{KeyId:KeyId,GrantId:GrantId,Name:Name,CreationDate:CreationDate,\
GranteePrincipal:GranteePrincipal,GranteeServicePrincipal:GranteeServicePrincipal,\
RetiringPrincipal:RetiringPrincipal,RetiringServicePrincipal:RetiringServicePrincipal,\
IssuingAccount:IssuingAccount,Operations:Operations,Constraints:Constraints}}"
aliases="{Aliases:Aliases[].{AliasName:AliasName,AliasArn:AliasArn,TargetKeyId:TargetKeyId,\
CreationDate:CreationDate,LastUpdatedDate:LastUpdatedDate}}"
snapshots="{Snapshots:Snapshots[].{SnapshotId:SnapshotId,VolumeId:VolumeId,OwnerId:OwnerId,State:State,\
StateMessage:StateMessage,StartTime:StartTime,CompletionTime:CompletionTime,Progress:Progress,\
VolumeSize:VolumeSize,Encrypted:Encrypted,KmsKeyId:KmsKeyId,StorageTier:StorageTier,Tags:Tags[].$tag}}"
volumes="{Volumes:Volumes[].{VolumeId:VolumeId,AvailabilityZone:AvailabilityZone,Size:Size,VolumeType:VolumeType,\
Iops:Iops,Throughput:Throughput,State:State,SnapshotId:SnapshotId,Encrypted:Encrypted,KmsKeyId:KmsKeyId,\
MultiAttachEnabled:MultiAttachEnabled,CreateTime:CreateTime,Tags:Tags[].$tag}}"

capture_key() {
  local profile="$1" region="$2" folder="$3" key="$4"
  local at=(--profile "$profile" --region "$region" --output json --key-id "$key")
  keep "$folder/key-$key.json" aws kms get-key-policy "${at[@]}" --policy-name default --query '{Policy:Policy}'
  keep "$folder/key-$key.meta.json" aws kms describe-key "${at[@]}" --query "$metadata"
  keep "$folder/key-$key.grants.json" aws kms list-grants "${at[@]}" --query "$grants"
  if [ -n "$with_tags" ]; then
    keep "$folder/key-$key.tags.json" aws kms list-resource-tags "${at[@]}" --query '{Tags:Tags[].{TagKey:TagKey,TagValue:TagValue}}'
  fi
}

capture_region() {
  local profile="$1" region="$2" folder="$3" key snapshot encrypts
  local at=(--profile "$profile" --region "$region")
  local json=("${at[@]}" --output json)
  keep "$folder/.keys" aws kms list-keys "${at[@]}" --output text --query 'Keys[].[KeyId]'
  if [ -f "$folder/.keys" ]; then
    while read -r key; do
      capture_key "$profile" "$region" "$folder" "$key"
    done < <(grep -v '^None$' "$folder/.keys" || true)
  fi
  keep "$folder/aliases.json" aws kms list-aliases "${json[@]}" --query "$aliases"
  keep "$folder/snapshots.json" aws ec2 describe-snapshots "${json[@]}" --owner-ids self --query "$snapshots"
  keep "$folder/.snapshots" aws ec2 describe-snapshots "${at[@]}" --owner-ids self --output text --query 'Snapshots[].[SnapshotId]'
  if [ -f "$folder/.snapshots" ]; then
    while read -r snapshot; do
      keep "$folder/snapshot-$snapshot.permissions.json" aws ec2 describe-snapshot-attribute "${json[@]}" \
        --snapshot-id "$snapshot" --attribute createVolumePermission \
        --query '{SnapshotId:SnapshotId,CreateVolumePermissions:CreateVolumePermissions}'
    done < <(grep -v '^None$' "$folder/.snapshots" || true)
  fi
  keep "$folder/volumes.json" aws ec2 describe-volumes "${json[@]}" --query "$volumes"
  keep "$folder/.encrypts" aws ec2 get-ebs-encryption-by-default "${json[@]}" --query EbsEncryptionByDefault
  if [ -f "$folder/.encrypts" ]; then
    encrypts="$(cat "$folder/.encrypts")"
    keep "$folder/ebs-defaults.json" aws ec2 get-ebs-default-kms-key-id "${json[@]}" \
      --query "{EbsEncryptionByDefault:\`$encrypts\`,KmsKeyId:KmsKeyId}"
  fi
  rm -f "$folder/.keys" "$folder/.snapshots" "$folder/.encrypts"
}

# comma FILE...: the members of JSON lists, one list a file, as the members of one.
comma() {
  local first=yes file
  for file in "$@"; do
    [ -f "$file" ] || continue
    [ "$(tr -d ' \n' < "$file")" = '[]' ] && continue
    [ -n "$first" ] || printf ','
    first=''
    sed -e '1s/^\[//' -e '$s/\]$//' "$file"
  done
}

capture_children() {
  local profile="$1" parent="$2" parts="$3" unit
  local at=(--profile "$profile" --output json --parent-id "$parent")
  keep "$parts/accounts-$parent" aws organizations list-accounts-for-parent "${at[@]}" \
    --query "Accounts[].{Id:Id,Arn:Arn,ParentId:'$parent'}"
  keep "$parts/units-$parent" aws organizations list-organizational-units-for-parent "${at[@]}" \
    --query "OrganizationalUnits[].{Id:Id,Arn:Arn,ParentId:'$parent'}"
  for unit in $(grep -o '"ou-[a-z0-9-]*"' "$parts/units-$parent" | tr -d '"' | grep -vx "$parent" | sort -u); do
    capture_children "$profile" "$unit" "$parts"
  done
}

capture_organization() {
  local profile="$1" parts="$out/.organization" type policy root targets
  local json=(--profile "$profile" --output json) text=(--profile "$profile" --output text)
  mkdir -p "$parts"
  keep "$parts/about" aws organizations describe-organization "${json[@]}" \
    --query 'Organization.{Id:Id,Arn:Arn,MasterAccountId:MasterAccountId}'
  keep "$parts/roots" aws organizations list-roots "${json[@]}" --query 'Roots[].{Id:Id,Arn:Arn,PolicyTypes:PolicyTypes}'
  if [ ! -f "$parts/about" ] || [ ! -f "$parts/roots" ]; then
    return
  fi
  root="$(grep -o '"r-[a-z0-9]*"' "$parts/roots" | tr -d '"' | head -n 1)"
  capture_children "$profile" "$root" "$parts"
  for type in SERVICE_CONTROL_POLICY RESOURCE_CONTROL_POLICY; do
    keep "$parts/.ids" aws organizations list-policies "${text[@]}" --filter "$type" --query 'Policies[].[Id]'
    [ -f "$parts/.ids" ] || continue
    while read -r policy; do
      keep "$parts/.targets" aws organizations list-targets-for-policy "${json[@]}" --policy-id "$policy" \
        --query 'Targets[].{TargetId:TargetId,Type:Type}'
      targets="$(tr -d '\n' < "$parts/.targets")"
      keep "$parts/policy-$policy" aws organizations describe-policy "${json[@]}" --policy-id "$policy" \
        --query "[{PolicySummary:Policy.PolicySummary.{Id:Id,Arn:Arn,Name:Name,Type:Type,AwsManaged:AwsManaged},Content:Policy.Content,Targets:\`$targets\`}]"
    done < <(grep -v '^None$' "$parts/.ids" || true)
    rm -f "$parts/.ids"
  done
  {
    printf '{"Organization":'; cat "$parts/about"
    printf ',"Roots":'; cat "$parts/roots"
    printf ',"OrganizationalUnits":['; comma "$parts"/units-*
    printf '],"Accounts":['; comma "$parts"/accounts-*
    printf '],"Policies":['; comma "$parts"/policy-*
    printf ']}\n'
  } > "$out/organization.json"
}

mkdir -p "$out"
for profile in "${profiles[@]}"; do
  account="$(aws sts get-caller-identity --profile "$profile" --output text --query Account)"
  echo "account $account" >&2
  keep "$out/$account/authorization-details.json" aws iam get-account-authorization-details \
    --profile "$profile" --output json --query "$details"
  for region in "${regions[@]}"; do
    capture_region "$profile" "$region" "$out/$account/$region"
  done
done
if [ -n "$organization" ]; then
  capture_organization "$organization"
fi
rm -rf "$out/.refused" "$out/.organization"
echo "written to $out: look it through, then reseal world import $out" >&2
exit "$failed"

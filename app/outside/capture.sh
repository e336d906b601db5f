#!/usr/bin/env bash
# Writes down accounts for `reseal world import` and `reseal explain --policies`, reading only.
#
#   capture.sh --out DIR --profile NAME [--profile NAME ...] --region REGION [--region REGION ...]
#              [--organization PROFILE] [--tags]
#
# It calls Describe, Get and List operations of iam, kms, ec2, rbin, sts and (with --organization, the profile of the
# management account) organizations, and writes nothing but DIR. Every answer is cut down by --query to the members
# named below, so what is not named never reaches the disk: no access keys, no descriptions, no user data, no network,
# no names or addresses of accounts, and of tags the keys only (with --tags their values too, for policies that ask for
# them). Policies are kept as they are. What could not be read is said on stderr and in DIR/unread.json.
# Needs bash 3.2 or later and the `aws` command, version 1 or 2. A profile's credentials stay with `aws`.
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
export AWS_PAGER='' AWS_CLI_AUTO_PROMPT=off
failed=0

# refused FILE: said on stderr, and in unread.json with the error's code alone.
refused() {
  local file="${1#"$out"/}" code
  code="$(sed -n 's/.*An error occurred (\([A-Za-z0-9.]*\)).*/\1/p' "$out/.refused" | head -n 1)"
  echo "capture.sh: $file: $(tr '\n' ' ' < "$out/.refused")" >&2
  [ ! -s "$out/.unread" ] || printf ',\n' >> "$out/.unread"
  printf '{"File": "%s", "Error": "%s"}' "$file" "${code:-NotRead}" >> "$out/.unread"
  failed=1
}

# keep FILE COMMAND...: the command's answer in FILE; where it is refused there is no file.
keep() {
  local file="$1"
  shift
  mkdir -p "$(dirname "$file")"
  if "$@" > "$file.part" 2> "$out/.refused"; then
    mv "$file.part" "$file"
  else
    rm -f "$file.part"
    refused "$file"
  fi
}

# ids MEMBER FILE: the ids under that member, a line each; none where there is no file.
ids() {
  [ ! -f "$2" ] || sed -n "s/^ *\"$1\": \"\([A-Za-z0-9-]*\)\",\{0,1\}\$/\1/p" "$2" | sort -u
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
MultiRegion:MultiRegion,MultiRegionConfiguration:MultiRegionConfiguration,ExpirationModel:ExpirationModel,\
ValidTo:ValidTo,CurrentKeyMaterialId:CurrentKeyMaterialId}}"
rotation="{KeyRotationEnabled:KeyRotationEnabled,RotationPeriodInDays:RotationPeriodInDays,\
NextRotationDate:NextRotationDate,OnDemandRotationStartDate:OnDemandRotationStartDate}"
rotations="{Rotations:Rotations[].{KeyMaterialId:KeyMaterialId,KeyMaterialState:KeyMaterialState,\
ImportState:ImportState,ExpirationModel:ExpirationModel,ValidTo:ValidTo,RotationDate:RotationDate,\
RotationType:RotationType}}"
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
images="{Images:Images[].{ImageId:ImageId,Name:Name,OwnerId:OwnerId,State:State,CreationDate:CreationDate,Public:Public,\
Architecture:Architecture,VirtualizationType:VirtualizationType,BootMode:BootMode,ImdsSupport:ImdsSupport,\
EnaSupport:EnaSupport,RootDeviceName:RootDeviceName,RootDeviceType:RootDeviceType,SourceInstanceId:SourceInstanceId,\
SourceImageId:SourceImageId,SourceImageRegion:SourceImageRegion,\
BlockDeviceMappings:BlockDeviceMappings[].{DeviceName:DeviceName,Ebs:Ebs},Tags:Tags[].$tag}}"
instances="{Reservations:Reservations[].{ReservationId:ReservationId,OwnerId:OwnerId,Instances:Instances[].{\
InstanceId:InstanceId,ImageId:ImageId,State:State,InstanceType:InstanceType,LaunchTime:LaunchTime,\
AmiLaunchIndex:AmiLaunchIndex,Placement:Placement.{AvailabilityZone:AvailabilityZone},Architecture:Architecture,\
VirtualizationType:VirtualizationType,RootDeviceName:RootDeviceName,\
BlockDeviceMappings:BlockDeviceMappings[].{DeviceName:DeviceName,Ebs:Ebs.{AttachTime:AttachTime,\
DeleteOnTermination:DeleteOnTermination,Status:Status,VolumeId:VolumeId}},Tags:Tags[].$tag}}}"
locks="{Snapshots:Snapshots[].{SnapshotId:SnapshotId,LockState:LockState,LockDuration:LockDuration,\
CoolOffPeriod:CoolOffPeriod,CoolOffPeriodExpiresOn:CoolOffPeriodExpiresOn,LockCreatedOn:LockCreatedOn,\
LockDurationStartTime:LockDurationStartTime,LockExpiresOn:LockExpiresOn}}"
tiers="{SnapshotTierStatuses:SnapshotTierStatuses[].{SnapshotId:SnapshotId,StorageTier:StorageTier,\
LastTieringStartTime:LastTieringStartTime,LastTieringOperationStatus:LastTieringOperationStatus,\
ArchivalCompleteTime:ArchivalCompleteTime,RestoreExpiryTime:RestoreExpiryTime}}"
fast="{FastSnapshotRestores:FastSnapshotRestores[].{SnapshotId:SnapshotId,AvailabilityZone:AvailabilityZone,State:State,\
OwnerId:OwnerId,EnablingTime:EnablingTime,OptimizingTime:OptimizingTime,EnabledTime:EnabledTime}}"
bin="{Snapshots:Snapshots[].{SnapshotId:SnapshotId,RecycleBinEnterTime:RecycleBinEnterTime,\
RecycleBinExitTime:RecycleBinExitTime,VolumeId:VolumeId}}"
value="'(left out)'"
[ -z "$with_tags" ] || value=ResourceTagValue
pair="{ResourceTagKey:ResourceTagKey,ResourceTagValue:$value}"
rule="{Identifier:Identifier,ResourceType:ResourceType,RetentionPeriod:RetentionPeriod,Status:Status,\
ResourceTags:ResourceTags[].$pair,ExcludeResourceTags:ExcludeResourceTags[].$pair,\
LockConfiguration:LockConfiguration,LockState:LockState,LockEndTime:LockEndTime}"

capture_key() {
  local profile="$1" region="$2" folder="$3" key="$4"
  local at=(--profile "$profile" --region "$region" --output json --key-id "$key")
  keep "$folder/key-$key.json" aws kms get-key-policy "${at[@]}" --policy-name default --query '{Policy:Policy}'
  keep "$folder/key-$key.meta.json" aws kms describe-key "${at[@]}" --query "$metadata"
  keep "$folder/key-$key.grants.json" aws kms list-grants "${at[@]}" --query "$grants"
  if grep -q '"KeySpec": "SYMMETRIC_DEFAULT"' "$folder/key-$key.meta.json" 2> /dev/null; then
    keep "$folder/key-$key.rotations.json" aws kms list-key-rotations "${at[@]}" \
      --include-key-material ALL_KEY_MATERIAL --query "$rotations"
    if grep -q '"Origin": "AWS_KMS"' "$folder/key-$key.meta.json"; then
      keep "$folder/key-$key.rotation.json" aws kms get-key-rotation-status "${at[@]}" --query "$rotation"
    fi
  fi
  if [ -n "$with_tags" ]; then
    keep "$folder/key-$key.tags.json" aws kms list-resource-tags "${at[@]}" --query '{Tags:Tags[].{TagKey:TagKey,TagValue:TagValue}}'
  fi
}

capture_region() {
  local profile="$1" region="$2" folder="$3" key
  local json=(--profile "$profile" --region "$region" --output json)
  keep "$folder/.keys" aws kms list-keys "${json[@]}" --query 'Keys[].{KeyId:KeyId}'
  for key in $(ids KeyId "$folder/.keys"); do
    capture_key "$profile" "$region" "$folder" "$key"
  done
  keep "$folder/aliases.json" aws kms list-aliases "${json[@]}" --query "$aliases"
  capture_storage "$folder"
  capture_computers "$folder"
  rm -f "$folder/.keys" "$folder/.encrypts" "$folder/.rules"
}

# The two that follow use `json`, the options of the Region that is being captured.

capture_storage() {
  local folder="$1" snapshot encrypts rule_id
  keep "$folder/snapshots.json" aws ec2 describe-snapshots "${json[@]}" --owner-ids self --query "$snapshots"
  for snapshot in $(ids SnapshotId "$folder/snapshots.json"); do
    keep "$folder/snapshot-$snapshot.permissions.json" aws ec2 describe-snapshot-attribute "${json[@]}" \
      --snapshot-id "$snapshot" --attribute createVolumePermission \
      --query '{SnapshotId:SnapshotId,CreateVolumePermissions:CreateVolumePermissions}'
  done
  keep "$folder/volumes.json" aws ec2 describe-volumes "${json[@]}" --query "$volumes"
  keep "$folder/.encrypts" aws ec2 get-ebs-encryption-by-default "${json[@]}" --query EbsEncryptionByDefault
  if [ -f "$folder/.encrypts" ]; then
    encrypts="$(cat "$folder/.encrypts")"
    keep "$folder/ebs-defaults.json" aws ec2 get-ebs-default-kms-key-id "${json[@]}" \
      --query "{EbsEncryptionByDefault:\`$encrypts\`,KmsKeyId:KmsKeyId}"
  fi
  keep "$folder/locks.json" aws ec2 describe-locked-snapshots "${json[@]}" --query "$locks"
  keep "$folder/tiers.json" aws ec2 describe-snapshot-tier-status "${json[@]}" --query "$tiers"
  keep "$folder/fast-restores.json" aws ec2 describe-fast-snapshot-restores "${json[@]}" --query "$fast"
  keep "$folder/public-access.json" aws ec2 get-snapshot-block-public-access-state "${json[@]}" --query '{State:State}'
  keep "$folder/recycle-bin.json" aws ec2 list-snapshots-in-recycle-bin "${json[@]}" --query "$bin"
  keep "$folder/.rules" aws rbin list-rules "${json[@]}" --resource-type EBS_SNAPSHOT \
    --query 'Rules[].{Identifier:Identifier}'
  for rule_id in $(ids Identifier "$folder/.rules"); do
    keep "$folder/retention-rule-$rule_id.json" aws rbin get-rule "${json[@]}" --identifier "$rule_id" --query "$rule"
  done
}

capture_computers() {
  local folder="$1" image
  keep "$folder/images.json" aws ec2 describe-images "${json[@]}" --owners self --query "$images"
  for image in $(ids ImageId "$folder/images.json"); do
    keep "$folder/image-$image.permissions.json" aws ec2 describe-image-attribute "${json[@]}" --image-id "$image" \
      --attribute launchPermission --query '{ImageId:ImageId,LaunchPermissions:LaunchPermissions}'
  done
  keep "$folder/instances.json" aws ec2 describe-instances "${json[@]}" --query "$instances"
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
  for unit in $(ids Id "$parts/units-$parent"); do
    capture_children "$profile" "$unit" "$parts"
  done
}

capture_organization() {
  local profile="$1" parts="$out/.organization" type policy root targets
  local json=(--profile "$profile" --output json)
  mkdir -p "$parts"
  keep "$parts/about" aws organizations describe-organization "${json[@]}" \
    --query 'Organization.{Id:Id,Arn:Arn,MasterAccountId:MasterAccountId}'
  keep "$parts/roots" aws organizations list-roots "${json[@]}" --query 'Roots[].{Id:Id,Arn:Arn,PolicyTypes:PolicyTypes}'
  if [ ! -f "$parts/about" ] || [ ! -f "$parts/roots" ]; then
    return
  fi
  root="$(ids Id "$parts/roots" | head -n 1)"
  capture_children "$profile" "$root" "$parts"
  for type in SERVICE_CONTROL_POLICY RESOURCE_CONTROL_POLICY; do
    keep "$parts/$type" aws organizations list-policies "${json[@]}" --filter "$type" --query 'Policies[].{Id:Id}'
    for policy in $(ids Id "$parts/$type"); do
      keep "$parts/targets-$policy" aws organizations list-targets-for-policy "${json[@]}" --policy-id "$policy" \
        --query 'Targets[].{TargetId:TargetId,Type:Type}'
      [ -f "$parts/targets-$policy" ] || continue
      targets="$(tr -d '\n' < "$parts/targets-$policy")"
      keep "$parts/policy-$policy" aws organizations describe-policy "${json[@]}" --policy-id "$policy" \
        --query "[{PolicySummary:Policy.PolicySummary.{Id:Id,Arn:Arn,Name:Name,Type:Type,AwsManaged:AwsManaged},Content:Policy.Content,Targets:\`$targets\`}]"
    done
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
  if ! account="$(aws sts get-caller-identity --profile "$profile" --output text --query Account 2> "$out/.refused")"; then
    echo "capture.sh: profile $profile: $(tr '\n' ' ' < "$out/.refused")" >&2
    failed=1
    continue
  fi
  echo "account $account" >&2
  if [ -e "$out/$account" ]; then
    echo "capture.sh: profile $profile: account $account is captured already" >&2
    continue
  fi
  keep "$out/$account/authorization-details.json" aws iam get-account-authorization-details \
    --profile "$profile" --output json --query "$details"
  for region in "${regions[@]}"; do
    capture_region "$profile" "$region" "$out/$account/$region"
  done
done
if [ -n "$organization" ]; then
  capture_organization "$organization"
fi
touch "$out/.unread"
{ printf '['; cat "$out/.unread"; printf ']\n'; } > "$out/unread.json"
rm -rf "$out/.refused" "$out/.unread" "$out/.organization"
echo "written to $out: look it through, then reseal world import $out" >&2
exit "$failed"

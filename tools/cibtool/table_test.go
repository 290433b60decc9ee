package cibtool

// invocations is a table of command lines. DIR is a directory with cib.xml (which CIB_file names unless the
// line says otherwise), acl.xml and invalid.xml. A line that begins with "? " is compared but for the text on
// standard error, where ours says more or says it differently; ";;" separates steps on the same files.
const invocations = `
cibadmin -Q
cibadmin --query
cibadmin -Ql
cibadmin -l -Q
cibadmin -Q -o nodes
cibadmin -Q --scope resources
cibadmin --query --scope=crm_config
cibadmin -Q -o configuration
cibadmin -Q -o status
cibadmin -Q -o all
cibadmin -Q -o bogus
cibadmin -Q -o NODES
? cibadmin -Q -o alerts
? cibadmin -Q -o fencing-topology
cibadmin -Q -n
cibadmin -Q -o resources --no-children
cibadmin -Q -A //primitive
cibadmin -Q --xpath '//primitive[@id="a"]'
cibadmin -Q --xpath //group/primitive[@id='b']
cibadmin -Q -A //nvpair/..
cibadmin -Q -A //nvpair/@name
cibadmin -Q -A //nvpair/@*
cibadmin -Q -A //resources/descendant::primitive
cibadmin -Q -A //comment()
cibadmin -Q -A /
cibadmin -Q -A //nvpair -n
cibadmin -Q -A //nvpair -e
cibadmin -Q --node-path --xpath //primitive
cibadmin -Q -e -A //group/primitive[1]
? cibadmin -Q -A //nothing
? cibadmin -Q -A count(//nvpair)
? cibadmin -Q -A //nvpair[
cibadmin -Q -e -o nodes
cibadmin -Q -o nodes -t 5 -s -N n1
CIB_file=DIR/acl.xml cibadmin -Q -o nodes
CIB_file=- cibadmin -Q -o nodes << '<cib validate-with="none" epoch="0" num_updates="0" admin_epoch="0"><configuration><crm_config/><nodes/><resources/><constraints/></configuration></cib>'
? CIB_file=DIR/none.xml cibadmin -Q
? CIB_file=DIR/invalid.xml cibadmin -Q
? CIB_shadow=none cibadmin -Q
CIB_file=DIR/acl.xml CIB_user=bob cibadmin -Q
CIB_file=DIR/acl.xml CIB_user=eve cibadmin -Q
CIB_file=DIR/acl.xml CIB_user=eve cibadmin -Q -o nodes
? CIB_file=DIR/acl.xml CIB_user=eve cibadmin -Q -o resources
? CIB_file=DIR/acl.xml CIB_user=eve cibadmin -Q -A //primitive
CIB_file=DIR/acl.xml CIB_user=nobody cibadmin -Q
CIB_file=DIR/acl.xml CIB_user=root cibadmin -Q -o nodes
CIB_file=DIR/acl.xml cibadmin -Q -U bob -o resources
CIB_file=DIR/acl.xml CIB_user=bob cibadmin -M -o nodes -X '<node id="1" uname="x"/>'
CIB_file=DIR/acl.xml CIB_user=bob cibadmin -M -o resources -X '<primitive id="a" type="x"/>'
CIB_file=DIR/acl.xml CIB_user=bob cibadmin -D -o resources -X '<primitive id="c"/>'
CIB_file=DIR/acl.xml CIB_user=eve cibadmin -B
CIB_file=DIR/acl.xml CIB_user=bob cibadmin -C -o nodes -X '<node id="3" uname="x"/>'
cibadmin -C -o nodes -X '<node id="3" uname="n3"/>'
cibadmin -C -o nodes -X '<node id="1" uname="n3"/>'
cibadmin --create --scope nodes --xml-text '<nodes><node id="3" uname="a"/><node id="4" uname="b"/></nodes>'
cibadmin -C -o nodes -X '<nodes><node id="3" uname="a"/><node id="1" uname="b"/></nodes>'
cibadmin -C -X '<nodes><node id="3" uname="a"/></nodes>'
? cibadmin -C -X '<node id="3" uname="a"/>'
? cibadmin -C -o alerts -X '<alert id="z" path="/x"/>'
? cibadmin -C -o resources -X '<primitive id="b" class="ocf" provider="pacemaker" type="Dummy"/>'
? cibadmin -C -o resources -X '<primitive id="z"/>'
? cibadmin -C
? cibadmin -C -o nodes -x DIR/none.xml
cibadmin -C -o nodes -p << '<node id="3" uname="n3"/>'
cibadmin -C -o status -X '<node_state id="1" uname="n1"/>'
cibadmin -M -o nodes -X '<node id="1" uname="x"/>'
cibadmin --modify -X '<node id="1" description="first"/>'
cibadmin -M -X '<nvpair id="o2" value="value++"/>'
cibadmin -M -X '<nvpair id="o2" value="value+=10"/>'
cibadmin -M -X '<nvpair id="o2" name="x" value="5"/>'
cibadmin -M -X '<cib epoch="epoch++"/>'
cibadmin -M -X '<cib admin_epoch="admin_epoch++"/>'
cibadmin -M -X '<cib num_updates="0"/>'
cibadmin -M -X '<cib have-quorum="1"/>'
? cibadmin -M -X '<cib epoch="1"/>'
? cibadmin -M -X '<cib crm_feature_set="3.99.0"/>'
? cibadmin -M -X '<node id="9" uname="x"/>'
? cibadmin -M -o tags -X '<tag id="t"><obj_ref id="a"/></tag>'
cibadmin -M -o rsc_defaults -X '<rsc_defaults><meta_attributes id="rd"><nvpair id="rd1" name="a" value="b"/></meta_attributes></rsc_defaults>'
cibadmin -M -o status -X '<status><node_state id="1" uname="n1"/></status>'
cibadmin -M -o resources -X '<primitive id="b"><meta_attributes id="b-meta"><nvpair id="b-n" name="x" value="y"/></meta_attributes></primitive>'
? cibadmin -M -X '<node id="1" type="toaster"/>'
cibadmin -M -A '//node[@id="1"]' -X '<node id="1" uname="x"/>'
cibadmin -M -A //nodes -X '<node id="2" uname="x"/>'
? cibadmin -M -A //nodes -X '<node id="9" uname="x"/>'
? cibadmin -M -A //nothing -X '<node id="9" uname="x"/>'
? cibadmin -M
cibadmin -R -o nodes -X '<nodes><node id="7" uname="n7"/></nodes>'
cibadmin -R -X '<node id="2" uname="n7"/>'
? cibadmin -R -X '<node id="9" uname="n7"/>'
? cibadmin -R -o resources -X '<nodes/>'
cibadmin --replace --verbose --xml-pipe --scope configuration << '<configuration><crm_config/><nodes/><resources/><constraints/></configuration>'
cibadmin -R -o nodes -X '<cib><configuration><nodes/></configuration></cib>'
cibadmin -R -x DIR/acl.xml
? cibadmin -R -X '<cib admin_epoch="0" epoch="9" num_updates="0"/>'
? cibadmin -R -X '<cib/>'
? cibadmin -R -X '<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" admin_epoch="9" epoch="9" num_updates="0"/>'
cibadmin -R -X '<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" admin_epoch="9" epoch="9" num_updates="0"><configuration><crm_config/><nodes/><resources/><constraints/></configuration></cib>'
cibadmin -R -A '//node[@id="1"]' -X '<node id="9" uname="x"/>'
? cibadmin -R -A //nothing -X '<node id="9" uname="x"/>'
cibadmin -D -X '<node id="1"/>'
cibadmin --delete --xml-text '<primitive id="b" type="dummy"/>'
cibadmin -D -X '<primitive id="b" type="other"/>'
cibadmin -D -X '<node id="9"/>'
cibadmin -D -o nodes -X '<nodes><node id="1"/><node uname="n2"/></nodes>'
cibadmin -D -A '//primitive[@id="b"]'
cibadmin -o resources -D --xpath '//primitive[@id="a"]'
cibadmin -D -A //nothing
? cibadmin -D -A /cib
cibadmin --delete-all --force --xpath //node
? cibadmin --delete-all --force --xpath //primitive
cibadmin --delete-all --xpath //node
? cibadmin -D
cibadmin -E
cibadmin -E --force
cibadmin -B
cibadmin --bump
cibadmin -u
cibadmin --upgrade --force
cibadmin -b -Q
cibadmin -P -X '<diff format="2"><change operation="delete" path="/cib/configuration/nodes/node[@id=&apos;1&apos;]"/></diff>'
? cibadmin -P -X '<diff format="2"><version><source admin_epoch="1" epoch="4" num_updates="0"/><target admin_epoch="1" epoch="5" num_updates="0"/></version></diff>'
? cibadmin -P -X '<diff format="2"><version><source admin_epoch="1" epoch="9" num_updates="0"/><target admin_epoch="1" epoch="10" num_updates="0"/></version></diff>'
? cibadmin -P -X '<diff format="2"><change operation="move" path="/cib/nothing" position="0"/></diff>'
? cibadmin -P -X '<diff format="2" digest="abc"><change operation="delete" path="/cib/configuration/nodes/node[@id=&apos;1&apos;]"/></diff>'
? cibadmin -P -X '<diff format="7"/>'
cibadmin -P -X '<diff format="2"><change operation="create" path="/cib/configuration/nodes" position="0"><node id="3" uname="n3"/></change></diff>'
cibadmin -P -X '<diff format="2"><change operation="modify" path="/cib"><change-list/><change-result><cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="8" num_updates="0" admin_epoch="1"/></change-result></change></diff>'
cibadmin --patch --verbose --xml-pipe << '<diff format="2"><change operation="move" path="/cib/configuration/nodes/node[@id=&apos;2&apos;]" position="0"/></diff>'
cibadmin --empty
cibadmin -a pacemaker-2.10
cibadmin -5 -x DIR/cib.xml
cibadmin --md5-sum -X '<a b="c&amp;d" e="f&quot;g"/>'
cibadmin -6 -x DIR/cib.xml
cibadmin -6 -X '<a crm_feature_set="3.16.1" update-user="x" b="c"><z origin="r"/></a>'
cibadmin -6 -X '<a b="c"/>'
cibadmin -5
? cibadmin
? cibadmin --bogus
? cibadmin -Z
? cibadmin -Q -o
CIB_file=DIR/acl.xml cibadmin -S -Q
CIB_file=DIR/acl.xml cibadmin -Q --show-access=color -U eve -A //nodes -n
crm_diff -o DIR/cib.xml -n DIR/acl.xml
crm_diff --original DIR/cib.xml --new DIR/acl.xml --no-version
crm_diff -o DIR/cib.xml -n DIR/acl.xml -u
crm_diff -c -o DIR/cib.xml -n DIR/acl.xml
crm_diff -o DIR/cib.xml -n DIR/cib.xml
crm_diff -u -o DIR/cib.xml -n - << '<cib crm_feature_set="3.16.1" epoch="9"/>'
crm_diff -O '<a crm_feature_set="3.16.1" x="1" y="2"/>' -N '<a crm_feature_set="3.16.1" y="2" x="1"/>'
crm_diff -c -O '<a crm_feature_set="3.16.1" x="1" y="2"/>' -N '<a crm_feature_set="3.16.1" y="2" x="1"/>'
crm_diff -c -u -o DIR/cib.xml -n DIR/acl.xml
? crm_diff -o DIR/none.xml -n DIR/cib.xml
? crm_diff -o DIR/cib.xml -n DIR/none.xml
? crm_diff -o DIR/cib.xml
? crm_diff --bogus
crm_diff -o DIR/cib.xml -p - << '<diff format="2"><change operation="delete" path="/cib/configuration/nodes/node[@id=&apos;1&apos;]"/></diff>'
crm_diff -u -o DIR/cib.xml -p - << '<diff format="2"><change operation="delete" path="/cib/status"/></diff>'
? crm_diff -c -o DIR/cib.xml -p - << '<diff format="2"><version><source admin_epoch="1" epoch="9" num_updates="0"/><target admin_epoch="1" epoch="10" num_updates="0"/></version></diff>'
? crm_diff -c -o DIR/cib.xml -p - << '<diff format="2"><version><source admin_epoch="1" epoch="1" num_updates="0"/><target admin_epoch="1" epoch="10" num_updates="0"/></version></diff>'
crm_diff -o DIR/cib.xml -p - << '<diff format="2"><version><source admin_epoch="1" epoch="1" num_updates="0"/><target admin_epoch="1" epoch="10" num_updates="0"/></version></diff>'
? crm_shadow
crm_shadow -b
crm_shadow -w
crm_shadow -p
? crm_shadow --bogus
crm_shadow -b -c one
crm_shadow -b -c one ;; crm_shadow -b -c one ;; crm_shadow -b -c one -f
crm_shadow -b -e one ;; CIB_shadow=one cibadmin -Q
crm_shadow -b -e one --validate-with pacemaker-2.0
crm_shadow -b -c one ;; CIB_shadow=one crm_shadow -w ;; CIB_shadow=one crm_shadow -F ;; CIB_shadow=one crm_shadow -p
crm_shadow -b -c one ;; CIB_shadow=one cibadmin -M -X '<node id="1" uname="x"/>' ;; CIB_shadow=one crm_shadow -d
crm_shadow -b -c one ;; CIB_shadow=one crm_shadow -d
crm_shadow -b -c one ;; CIB_shadow=one cibadmin -D -X '<primitive id="a"/>' ;; CIB_shadow=one cibadmin -C -o nodes -X '<node id="3" uname="x"/>' ;; CIB_shadow=one crm_shadow -d
crm_shadow -b -c one ;; CIB_shadow=one cibadmin -R -A '//node[@id="1"]' -X '<node id="1" uname="n1"/>' ;; CIB_shadow=one crm_shadow --diff
crm_shadow -b -c one ;; crm_shadow -b -D one ;; crm_shadow -b -D one -f ;; crm_shadow -b -D one -f
crm_shadow -b -c one ;; crm_shadow -b -C one ;; crm_shadow -b -C none -f
crm_shadow -b -c one ;; CIB_shadow=two crm_shadow -b -C one
crm_shadow -b -c one ;; crm_shadow -b -r one ;; crm_shadow -b -r two ;; CIB_shadow=one crm_shadow -b -r one
crm_shadow -b -c one ;; crm_shadow -b -s one ;; crm_shadow -b -s two
crm_shadow -b -c one ;; CIB_shadow=one crm_shadow -E
crm_shadow -b -c one ;; CIB_shadow=one EDITOR=true crm_shadow -E ;; CIB_shadow=one EDITOR=false crm_shadow -E
? CIB_file=DIR/none.xml crm_shadow -b -c one
CIB_shadow=one crm_shadow -p
CIB_shadow=one crm_shadow -d
`
